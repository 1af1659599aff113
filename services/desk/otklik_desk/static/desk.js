// What a page does by itself: it tells its zone, says when the connection is lost, and leaves a
// list alone while somebody points at it. Everything else works without it.
"use strict";

(() => {
  const YEAR_SECONDS = 365 * 24 * 3600;

  function tellZone() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!zone || document.cookie.includes(`otklik-zone=${zone}`)) return;
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `otklik-zone=${zone}; path=/; max-age=${YEAR_SECONDS}; samesite=lax${secure}`;
  }

  function sayConnection(text) {
    const bar = document.getElementById("connection");
    if (bar && bar.textContent !== text) bar.textContent = text;
  }

  // Rows must not move under a pointer or a focus; the list is refreshed when it is left alone.
  function leaveCalm(event) {
    const region = event.target;
    if (!(region instanceof Element) || !region.hasAttribute("data-calm")) return;
    const inUse = region.matches(":hover") || region.contains(document.activeElement);
    if (inUse || document.hidden) event.preventDefault();
  }

  function onAnswer(event) {
    const status = event.detail?.ctx?.response?.raw?.status;
    const bar = document.getElementById("connection");
    if (!bar || status === undefined) return;
    if (status === 401) sayConnection(bar.dataset.ended);
    else sayConnection(status >= 500 ? bar.dataset.lost : "");
  }

  function onFailure(event) {
    const bar = document.getElementById("connection");
    if (bar && event.detail?.ctx) sayConnection(bar.dataset.lost);
  }

  // Ctrl+Enter (or Cmd+Enter) sends the form one is writing in.
  function onKey(event) {
    const field = event.target;
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    if (field instanceof HTMLTextAreaElement && field.form) {
      event.preventDefault();
      field.form.requestSubmit();
    }
  }

  tellZone();
  document.addEventListener("htmx:config:request", leaveCalm);
  document.addEventListener("htmx:after:request", onAnswer);
  document.addEventListener("htmx:error", onFailure);
  document.addEventListener("keydown", onKey);
})();
