// Everything works without this file. A busy button takes no second tap; the join button says when
// something is missing.
(() => {
  "use strict";
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button || !button.classList.contains("btn")) return;
    if (button.getAttribute("aria-busy") === "true") { event.preventDefault(); return; }
    button.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("[aria-busy=true]").forEach((one) => one.removeAttribute("aria-busy"));
  });

  // a page opened from a chat closes back into it; only WeChat's own browser can
  const back = document.querySelector("[data-back-to-chat]");
  if (back) {
    const ready = () => {
      back.hidden = false;
      document.querySelector(".no-chat").hidden = true;
      back.addEventListener("click", () => window.WeixinJSBridge.call("closeWindow"));
    };
    if (window.WeixinJSBridge) ready();
    else document.addEventListener("WeixinJSBridgeReady", ready, { once: true });
  }

  const form = document.querySelector("[data-join]");
  if (!form) return;
  const button = document.querySelector("[data-join-button]");
  const phone = form.querySelector("[name=phone]");
  const must = form.querySelector("[data-must]");
  const look = () => {
    const ready = phone.value.replace(/\D/g, "").length >= 11 && must.checked;
    button.classList.toggle("solid", ready);
    button.classList.toggle("off", !ready);
  };
  form.addEventListener("input", look);
  form.addEventListener("change", look);
  look();
})();
