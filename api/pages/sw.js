// The citizen's and the buyer's pages: what is kept, beside the rules that worker.js has for all.

const PREFIX = "sogoc-";
const PAGES = ["/", "/truy-xuat"];

function pageFor(request, url) {
  if (request.mode !== "navigate") return null;
  // A lookup code, and a label's address, open the same page each; its script reads the address.
  if (url.pathname === "/" || url.pathname.startsWith("/c/")) return "/";
  return /^\/(truy-xuat$|01\/|00\/)/.test(url.pathname) ? "/truy-xuat" : null;
}
