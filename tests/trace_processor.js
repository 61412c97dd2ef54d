// Perfetto's trace processor as its web page runs it, on pipes: node trace_processor.js FOLDER
// FOLDER holds engine_bundle.js and trace_processor.wasm. Both pipes carry TraceProcessorRpcStream messages.
const fs = require("fs"), path = require("path"), vm = require("vm");

const folder = process.argv[2];

class XMLHttpRequest {  // the engine loads its WebAssembly by one
  open(method, url) { this.file = path.join(folder, path.basename(url)); }
  send() {
    this.status = 200;
    this.response = new Uint8Array(fs.readFileSync(this.file)).buffer;
  }
}

const worker = {  // what a web worker knows, and no more: where it finds Node, the engine refuses to run
  XMLHttpRequest, TextDecoder, TextEncoder, performance, crypto, console: { log() {}, warn() {}, error() {} },
  setTimeout, clearTimeout, setInterval, clearInterval, queueMicrotask, WorkerGlobalScope() {},
  location: { href: "" }, importScripts() {},
};
worker.self = worker;
vm.createContext(worker);
vm.runInContext(fs.readFileSync(path.join(folder, "engine_bundle.js"), "utf8"), worker);
const Bytes = vm.runInContext("Uint8Array", worker);

const port = { postMessage: (bytes) => process.stdout.write(Buffer.from(bytes)) };
worker.onmessage({ data: port });
process.stdin.on("data", (bytes) => port.onmessage({ data: new Bytes(bytes) }));
process.stdin.on("end", () => process.exit(0));
