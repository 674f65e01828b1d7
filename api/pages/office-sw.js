// The office's page: what is kept, beside the rules that worker.js has for all. So a queue is never out of sight.

const PREFIX = "office-";
const ALWAYS = ["/van-phong", "/van-phong/schemas.json"];

function pageFor(url) {
  return ALWAYS.includes(url.pathname) ? url.pathname : null;
}
