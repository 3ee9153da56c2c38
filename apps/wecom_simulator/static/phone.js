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

  const calls = {
    hello: () => ({}),
    verify: (params) => post("/sim/jssdk/verify", params),
    getContext: () => ({ entry: chat ? "group_chat_tools" : "single_chat_tools" }),
    getCurExternalContact: () => (external ? { userId: external } : fail("no permission")),
    getCurExternalChat: () => (chat ? { chatId: chat } : fail("no permission")),
    sendChatMessage: async (params) => {
      const answer = await post("/sim/jssdk/send", { ...params, userid, external_userid: external, chat_id: chat });
      if (!answer.ok) fail(answer.error);
      await redraw();
      return {};
    },
    openEnterpriseChat: (params) => {
      const other = String([].concat(params.externalUserIds || [])[0] || "").split(";")[0];
      window.location.href = `/phone/guide/${userid}/chat/${other}/`;
      return { chatId: other };
    },
  };

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
      reply({ failed: `fail ${error.message}` });
    }
  });
  thread.lastElementChild?.scrollIntoView({ block: "end" });
})();
