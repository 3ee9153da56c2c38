// Stand-in for @wecom/jssdk: the same `ww` object for pages of the product. Inside a simulated chat it
// talks to the surrounding phone, elsewhere (entry "normal") it fails where the real one fails.
(() => {
  const base = new URL(".", document.currentScript.src);
  const home = base.origin;
  const CHAT_ONLY = ["getCurExternalContact", "sendChatMessage", "getCurExternalChat"];
  const ANYWHERE = [
    "getContext", "openEnterpriseChat", "openExistedChatWithMsg", "openUserProfile", "selectExternalContact",
    "navigateToAddCustomer", "shareToExternalContact", "shareToExternalChat", "shareToExternalMoments",
    "selectExternalChat", "selectPrivilegedContact", "getShareInfo",
  ];
  const HELLO_EVERY_MS = 150;
  const MOST_HELLOS = 20;
  let number = 0;
  let settings = null;
  let configReady = null;
  let agentReady = null;

  const waiting = new Map();
  window.addEventListener("message", (event) => {
    if (event.source !== window.parent || event.origin !== home) return;
    const slot = event.data && waiting.get(event.data.wwReply);
    if (!slot) return;
    waiting.delete(event.data.wwReply);
    if (event.data.failed) slot.reject(new Error(event.data.failed));
    else slot.resolve(event.data.result);
  });

  const askPhone = (name, params) => new Promise((resolve, reject) => {
    number += 1;
    waiting.set(number, { resolve, reject });
    window.parent.postMessage({ wwCall: number, name, params: JSON.parse(JSON.stringify(params || {})) }, home);
  });

  // A script instead of fetch: a strict connect-src of the product stays as it is.
  const askHost = (fn, params) => new Promise((resolve, reject) => {
    number += 1;
    const callback = `__ww${number}`;
    const script = document.createElement("script");
    const query = new URLSearchParams({ ...params, fn, callback });
    const clean = () => { delete window[callback]; script.remove(); };
    window[callback] = (answer) => { clean(); resolve(answer); };
    script.onerror = () => { clean(); reject(new Error("fail network")); };
    script.src = `${base}call.js?${query}`;
    document.head.append(script);
  });

  // the phone around this frame may still be loading: it is greeted more than once
  const inPhone = window.parent === window ? Promise.resolve(false) : new Promise((resolve) => {
    let hellos = 0;
    const greet = () => {
      if (hellos === MOST_HELLOS) { clearInterval(again); resolve(false); return; }
      hellos += 1;
      askPhone("hello").then(() => { clearInterval(again); resolve(true); }, () => {});
    };
    const again = setInterval(greet, HELLO_EVERY_MS);
    greet();
  });

  const pageUrl = () => window.location.href.split("#")[0];
  const failure = (name, reason, errCode) => ({ errMsg: `${name}:${reason}`, errCode: errCode ?? -1 });

  const check = async (kind, factory, done, failed, complete) => {
    try {
      const url = pageUrl();
      const signed = await factory(url);
      const data = { kind, url, corpId: settings.corpId, agentId: String(settings.agentId ?? ""), ...signed };
      const answer = (await inPhone) ? await askPhone("verify", data) : await askHost("verify", data);
      if (!answer.ok) throw failure(kind, `fail ${answer.reason}`, answer.errcode);
      const good = { errMsg: `${kind}:ok`, errCode: 0 };
      done?.(good);
      complete?.(good);
      return good;
    } catch (error) {
      const bad = error.errMsg ? error : failure(kind, `fail ${error.message}`);
      failed?.(bad);
      complete?.(bad);
      throw bad;
    }
  };

  const quiet = (promise) => { promise.catch(() => {}); return promise; };
  const never = (name) => quiet(Promise.reject(failure(name, "fail not registered")));

  const register = (options) => {
    settings = options;
    configReady = options.getConfigSignature
      ? quiet(check("config", options.getConfigSignature, options.onConfigSuccess, options.onConfigFail, options.onConfigComplete))
      : never("config");
    agentReady = options.getAgentConfigSignature
      ? quiet(check("agentConfig", options.getAgentConfigSignature, options.onAgentConfigSuccess, options.onAgentConfigFail, options.onAgentConfigComplete))
      : never("agentConfig");
  };

  const perform = async (name, params) => {
    if (!settings) throw failure(name, "fail not registered");
    if (!(settings.jsApiList || []).includes(name)) throw failure(name, "fail no permission");
    try {
      await agentReady;
    } catch (error) {
      throw failure(name, "fail no permission", error.errCode);
    }
    const phone = await inPhone;
    if (!phone && name === "getContext") return { entry: "normal" };
    if (!phone && name === "getCurExternalContact") throw failure(name, "fail without context of external contact");
    if (!phone && CHAT_ONLY.includes(name)) throw failure(name, "fail no permission");
    const asked = { ...params, agentId: settings.agentId };
    return phone ? askPhone(name, asked) : outside(name, asked);
  };

  const outside = async (name, params) => {
    const given = Object.fromEntries(Object.entries(params || {}).filter(([, value]) => typeof value !== "function"));
    const answer = await askHost(name, { params: JSON.stringify(given) });
    if (!answer.ok) throw failure(name, answer.reason === "cancel" ? "cancel" : `fail ${answer.reason}`);
    if (answer.url) (window.top || window).location.href = answer.url;
    return answer.result || {};
  };

  const api = (name) => async (params = {}) => {
    try {
      const result = { errMsg: `${name}:ok`, errCode: 0, ...(await perform(name, params)) };
      params.success?.(result);
      params.complete?.(result);
      return result;
    } catch (error) {
      const bad = error.errMsg ? error : failure(name, error.message);
      if (bad.errMsg === `${name}:cancel`) params.cancel?.(bad);
      else params.fail?.(bad);
      params.complete?.(bad);
      throw bad;
    }
  };

  const ww = {
    register,
    ensureConfigReady: () => configReady || never("config"),
    ensureCorpConfigReady: () => configReady || never("config"),
    ensureAgentConfigReady: () => agentReady || never("agentConfig"),
    invoke: (name, params, callback) => api(name)(params || {}).then(
      (result) => { callback?.({ err_msg: `${name}:ok`, ...result }); return result; },
      (error) => { callback?.({ err_msg: error.errMsg, ...error }); if (!callback) throw error; },
    ),
  };
  for (const name of [...CHAT_ONLY, ...ANYWHERE]) ww[name] = api(name);
  window.ww = ww;
})();
