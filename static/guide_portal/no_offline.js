// the chain works without this module: a worker of before would go on showing its frame
"use strict";
if (navigator.serviceWorker) {
  navigator.serviceWorker.getRegistrations().then((all) => all.forEach((one) => one.unregister()));
}
