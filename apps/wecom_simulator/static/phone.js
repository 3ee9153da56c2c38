// The chat page's half of the JS-SDK: answers the sidebar's calls, as the WeCom client does.
(() => {
  const phone = document.getElementById("phone");
  const frame = document.getElementById("frame");
  const thread = document.getElementById("thread");
  if (!phone || !frame) return;
  const userid = phone.dataset.userid;
  const external = phone.dataset.external;
  const chat = phone.dataset.chat;

  const post = async (path, data) => {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(data),
    });
    return { ok: answer.ok, ...(await answer.json()) };
  };

  const redraw = async () => {
    const page = await (await fetch(window.location.pathname)).text();
    const fresh = new DOMParser().parseFromString(page, "text/html").getElementById("thread");
    thread.replaceChildren(...fresh.childNodes);
    thread.lastElementChild?.scrollIntoView({ block: "end" });
  };

  const fail = (reason) => { throw new Error(reason); };

  // where the page was opened decides what it may know and do
  const entry = phone.dataset.entry;
  const KNOWS_CONTACT = ["contact_profile", "single_chat_tools", "single_kf_tools"];
  const SENDS = ["single_chat_tools", "group_chat_tools", "chat_attachment", "single_kf_tools"];
  const from = (entries) => { if (!entries.includes(entry)) fail("no permission"); };

  const onward = async (name, params) => {
    const answer = await post("/sim/jssdk/call", { userid, name, params });
    if (!answer.ok) fail(answer.error);
    if (answer.url) window.location.href = answer.url;
    return answer.result || {};
  };

  // the client draws this list itself, over the page that asked
  const pick = (rows, one) => new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    const form = document.createElement("form");
    form.method = "dialog";
    for (const row of rows) {
      const label = document.createElement("label");
      const box = Object.assign(document.createElement("input"), {
        type: one ? "radio" : "checkbox", name: "who", value: row.external_userid || row.userid, checked: Boolean(row.chosen),
      });
      label.className = "pick";
      label.append(box, row.name);
      form.append(label);
    }
    const done = Object.assign(document.createElement("button"), { className: "main", value: "ok", textContent: "确定" });
    const close = Object.assign(document.createElement("button"), { className: "quiet", value: "", textContent: "取消" });
    form.append(done, close);
    dialog.append(form);
    dialog.addEventListener("close", () => {
      const picked = dialog.returnValue === "ok" ? new FormData(form).getAll("who") : [];
      dialog.remove();
      resolve(picked);
    });
    document.body.append(dialog);
    dialog.showModal();
  });

  const calls = {
    hello: () => ({}),
    verify: (params) => post("/sim/jssdk/verify", params),
    getContext: () => ({ entry }),
    getCurExternalContact: () => {
      from(KNOWS_CONTACT);
      return external ? { userId: external } : fail("without context of external contact");
    },
    getCurExternalChat: () => {
      from(["group_chat_tools"]);
      return { chatId: chat };
    },
    sendChatMessage: async (params) => {
      from(SENDS);
      const answer = await post("/sim/jssdk/send", { ...params, userid, external_userid: external, chat_id: chat });
      if (!answer.ok) fail(answer.error);
      await redraw();
      return {};
    },
    selectExternalContact: async (params) => {
      const { customers } = await post("/sim/jssdk/offered", { userid, filterType: params.filterType || 0 });
      const picked = await pick(customers);
      if (!picked.length) throw new Error("cancel");
      return onward("selectExternalContact", { ...params, picked });
    },
  };
  calls.selectPrivilegedContact = async (params) => {
    const answer = await post("/sim/jssdk/offered", { userid, members: params });
    if (!answer.ok) fail(answer.error);
    const picked = await pick(answer.members, params.mode === "single");
    if (!picked.length) throw new Error("cancel");
    return onward("selectPrivilegedContact", { ...params, picked });
  };
  for (const name of [
    "selectExternalChat", "getShareInfo", "openEnterpriseChat", "openExistedChatWithMsg", "openUserProfile", "navigateToAddCustomer",
    "shareToExternalContact", "shareToExternalChat", "shareToExternalMoments",
  ]) calls[name] = (params) => onward(name, params);

  window.addEventListener("message", async (event) => {
    if (event.source !== frame.contentWindow || !event.data || !event.data.wwCall) return;
    const { wwCall, name, params } = event.data;
    const reply = (message) => frame.contentWindow.postMessage({ wwReply: wwCall, ...message }, event.origin);
    if (!Object.hasOwn(calls, name)) {
      reply({ failed: "fail not supported by the simulator" });
      return;
    }
    try {
      reply({ result: await calls[name](params || {}) });
    } catch (error) {
      reply({ failed: error.message === "cancel" ? "cancel" : `fail ${error.message}` });
    }
  });
  thread?.lastElementChild?.scrollIntoView({ block: "end" });
})();
