// The producer's page: what is kept, beside the rules that worker.js has for all. It opens in the field, with no network at all.

const PREFIX = "producer-";
const ALWAYS = ["/san-xuat"];

function pageFor(url) {
  return ALWAYS.includes(url.pathname) ? url.pathname : null;
}
