// Beside a chat in WeCom: asks its script with whom the person chats and loads who that is here.
import { toast } from "./app.js";

const side = document.querySelector("[data-side]");
const asked = {};

function signed(url) {
  asked[url] ??= fetch(`/side-bar/${side.dataset.side}/signature?url=${encodeURIComponent(url)}`, { headers: { Accept: "application/json" } })
    .then(async (response) => { const told = await response.json(); if (!response.ok) throw new Error(told.detail); return told; });
  return asked[url];
}

async function begin() {
  const own = await signed(location.href.split("#")[0]);
  window.ww.register({
    corpId: own.corpId,
    agentId: own.agentId,
    jsApiList: ["getCurExternalContact"],
    getConfigSignature: async (url) => (await signed(url)).config,
    getAgentConfigSignature: async (url) => (await signed(url)).agentConfig,
  });
  const { userId } = await window.ww.getCurExternalContact();
  window.htmx.ajax("GET", `/side-bar/${side.dataset.side}/chat?id=${encodeURIComponent(userId)}`, "#chat");
}

// elsewhere than in its own browser the script would wait for ever
if (navigator.userAgent.includes("wxwork")) begin().catch((error) => toast(error.message || error.errMsg || String(error), "error"));
