// What the targets share.
const parent = process.ppid;

/** Says that it has come to where it is to be looked at. */
exports.ready = () => console.log("ready");

/** Does that every so many milliseconds, until the process that started this one has gone, however that ended. */
exports.every = (milliseconds, work) =>
  setInterval(() => (process.ppid === parent ? work() : process.exit()), milliseconds);
