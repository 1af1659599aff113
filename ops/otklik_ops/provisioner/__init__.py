"""`otklik-provisioner`: alone creates and changes streams and consumers, and keeps them right."""
