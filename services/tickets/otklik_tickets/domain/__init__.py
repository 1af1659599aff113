"""What is true about tickets, customers and the catalogue, whoever asks and however it is kept."""
