// WeCom's JS-SDK for the pages that need it: open a chat, read the current contact, send into the chat.
(() => {
  "use strict";
  const me = document.currentScript;
  const show = (id) => { const place = document.getElementById(id); if (place) place.hidden = false; };
  const hide = (id) => { const place = document.getElementById(id); if (place) place.hidden = true; };
  if (!window.ww) { hide("looking"); show("no-contact"); return; }

  // WeCom may revoke a ticket before its end: then it is asked for once more, with a new one
  const TICKET_OVER = /42012/;
  let refused = false;
  const signed = (kind, fresh = "") => async (url) => {
    const query = new URLSearchParams({ kind, url, refused: fresh });
    const answer = await fetch(`${me.dataset.signature}?${query}`, { credentials: "same-origin" });
    if (!answer.ok) throw new Error("signature");
    return answer.json();
  };
  const register = () => window.ww.register({
    corpId: me.dataset.corp,
    agentId: me.dataset.agent,
    onConfigFail: (error) => again(error),
    onAgentConfigFail: (error) => again(error),
    jsApiList: ["getContext", "getCurExternalContact", "sendChatMessage", "openEnterpriseChat", "scanQRCode"],
    getConfigSignature: signed("config"),
    getAgentConfigSignature: signed("agent"),
  });
  const again = async (error) => {
    if (refused || !TICKET_OVER.test(`${error.errCode} ${error.errMsg}`)) return;
    refused = true;
    await tried(() => signed("config", "1")(window.location.href.split("#")[0]));
    register();
    if (form) load();
  };

  const tried = async (call) => {
    try { return await call(); } catch { return null; }
  };
  window.portalWecom = {
    openChat: (userid) => tried(() => window.ww.openEnterpriseChat({ externalUserIds: [userid] }).then(() => true)),
  };

  // a member's code from the phone's camera; where it cannot be scanned it is typed
  const scanner = document.querySelector("[data-scan]");
  if (scanner && typeof window.ww.scanQRCode === "function") {
    scanner.hidden = false;
    scanner.addEventListener("click", async () => {
      const found = await tried(() => window.ww.scanQRCode({ needResult: true, scanType: ["qrCode", "barCode"] }));
      const field = document.querySelector(scanner.dataset.scan);
      const text = found && (found.resultStr || found.result || "");
      if (!text) { const say = document.getElementById("say"); say.textContent = scanner.dataset.closed; say.hidden = false; field.focus(); return; }
      field.value = text.split(",").pop().trim();
      field.form.requestSubmit();
    });
  }

  // the sidebar opens on the contact of the chat beside it
  const form = document.getElementById("contact");
  const CHATS = ["contact_profile", "single_chat_tools", "single_kf_tools", "chat_attachment"];
  // a customer's profile shows the sidebar as well, but nothing can be sent from there
  const TOOLBARS = ["single_chat_tools", "group_chat_tools", "single_kf_tools", "chat_attachment"];
  let entry = "";
  const load = async () => {
    const context = await tried(() => window.ww.getContext());
    entry = context ? context.entry : "";
    const found = context && CHATS.includes(context.entry)
      && await tried(() => window.ww.getCurExternalContact());
    hide("looking");
    if (!found || !found.userId) { show("no-contact"); return; }
    hide("no-contact");
    form.elements.external_userid.value = found.userId;
    form.requestSubmit();
  };
  register();
  if (form) load();

  const intoChat = (message) => tried(async () => {
    if (entry && !TOOLBARS.includes(entry)) return null;
    return window.ww.sendChatMessage({ ...message, enterChat: true }).then(() => true);
  });
  // a page or an invitation: where WeCom does not take it, it is copied
  document.addEventListener("click", async (event) => {
    const sender = event.target.closest("[data-message]");
    if (!sender) return;
    sender.setAttribute("aria-busy", "true");
    const sent = await intoChat(JSON.parse(sender.dataset.message));
    sender.removeAttribute("aria-busy");
    const instead = document.querySelector(sender.dataset.instead);
    instead.hidden = sent;
    instead.nextElementSibling.hidden = !sent;
  });

  document.addEventListener("click", async (event) => {
    const sender = event.target.closest("[data-send-chat]");
    if (!sender) return;
    event.preventDefault();
    const text = document.querySelector(sender.dataset.sendChat);
    sender.setAttribute("aria-busy", "true");
    const content = text.value !== undefined ? text.value : text.innerText;
    const sent = await intoChat({ msgtype: "text", text: { content } });
    sender.removeAttribute("aria-busy");
    if (sent) sender.form.requestSubmit(sender.form.querySelector("[data-noted]"));
    else show("not-sent");
  });
})();
