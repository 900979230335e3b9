// leak: a list that grows by 1.5 MB a second.
const { every, ready } = require("./common.js");

const kept = [];
ready();
every(10, () => kept.push(Buffer.alloc(15_000, "x")));
