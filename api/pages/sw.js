// The citizen's pages: what is kept, beside the rules that worker.js has for both.

const PREFIX = "sogoc-";
const PAGES = ["/"];

function pageFor(request, url) {
  // A lookup code opens the same page; its script reads the code from the address.
  return request.mode === "navigate" && (url.pathname === "/" || url.pathname.startsWith("/c/")) ? "/" : null;
}
