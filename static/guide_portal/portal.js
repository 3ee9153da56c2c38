// Everything works without this file; it saves taps where it can.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");

  // back from the chat: what the page says is old
  let stale = false;
  document.addEventListener("visibilitychange", () => {
    if (stale && document.visibilityState === "visible") window.location.reload();
  });

  const announce = (words) => {
    const place = document.getElementById("say");
    if (place) { place.textContent = words; place.hidden = false; }
  };

  const textOf = (element) => element.value !== undefined ? element.value : element.innerText;

  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      area.className = "vh";
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  };

  // a second tap on a busy button does nothing; the server would also know it by its client id
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button || !button.classList.contains("btn")) return;
    if (button.getAttribute("aria-busy") === "true") { event.preventDefault(); return; }
    button.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("[aria-busy=true]").forEach((b) => b.removeAttribute("aria-busy"));
  });

  // a list that updates itself keeps what was unfolded, and stays when nothing is new: a finger that
  // is just then on it would miss
  const said = {};
  const newIn = (place, answer) => {
    const words = answer.replace(/name="(csrfmiddlewaretoken|client_id)" value="[^"]*"/g, "");
    const isNew = said[place.id] !== words;
    said[place.id] = words;
    return isNew;
  };
  let unfolded = [];
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { requestConfig, target, shouldSwap, serverResponse } = event.detail;
    if (requestConfig.verb !== "get") delete said[target.id];
    else if (shouldSwap && target.id && !newIn(target, serverResponse)) {
      event.detail.shouldSwap = false;
      return;
    }
    unfolded = [...event.target.querySelectorAll("details")].map((one) => one.open);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const fresh = event.target.id && document.getElementById(event.target.id);
    if (fresh) fresh.querySelectorAll("details").forEach((one, place) => { one.open = Boolean(unfolded[place]); });
  });

  document.addEventListener("click", async (event) => {
    const copier = event.target.closest("[data-copy]");
    if (copier) {
      const from = document.querySelector(copier.dataset.copy);
      if (from && await copy(textOf(from))) announce(copier.dataset.done);
      return;
    }
    const opener = event.target.closest("[data-open-chat]");
    if (opener) {
      const from = document.querySelector(opener.dataset.openChat);
      if (from && await copy(textOf(from))) announce(opener.dataset.done);
      const opened = await window.portalWecom?.openChat(opener.dataset.userid);
      if (!opened) { announce(opener.dataset.closed); return; }
      // no navigation: it would pull the guide back out of the chat that is opening
      const noted = await fetch(opener.form.action, {
        method: "POST", body: new FormData(opener.form), keepalive: true, headers: { "HX-Request": "true" },
      }).catch(() => null);
      if (noted && noted.headers.get("HX-Retarget") === "#say") document.getElementById("say").outerHTML = await noted.text();
      // who may no longer come in is answered in good order too, with the way to the sign-in
      else if (noted && noted.ok && !noted.headers.has("HX-Redirect")) stale = true;
      else announce(opener.dataset.refused);
    }
  });
})();
