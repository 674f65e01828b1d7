// The citizen's, the buyer's and the inspector's pages: what is kept, beside the rules that worker.js has for all.

const PREFIX = "sogoc-";
const ALWAYS = [];

function pageFor(url, isVisit) {
  if (!isVisit) return null;
  // A lookup code, and a label's address, open the same page each; its script reads the address.
  if (url.pathname === "/" || url.pathname.startsWith("/c/")) return "/";
  if (url.pathname === "/kiem-tra" || url.pathname === "/chia-se") return url.pathname;
  return /^\/(truy-xuat$|01\/|00\/)/.test(url.pathname) ? "/truy-xuat" : null;
}
