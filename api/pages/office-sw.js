// The office's page: what is kept, beside the rules that worker.js has for all. So a queue is never out of sight.

const PREFIX = "office-";
const PAGES = ["/van-phong", "/van-phong/schemas.json"];

function pageFor(request, url) {
  return PAGES.includes(url.pathname) ? url.pathname : null;
}
