// steady: garbage in cycles, which the collector finds now and then: memory is a saw-tooth.
const { every, ready } = require("./common.js");

function garbage() {
  const node = { room: Array.from({ length: 2_500 }, Math.random) };
  node.itself = node;
}

// Until the collector has grown its rooms as far as it does.
for (let i = 0; i < 100_000; i++) garbage();
ready();
every(5, garbage);
