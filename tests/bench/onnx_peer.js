'use strict';
/* ONNX Runtime by npm's onnxruntime-node, on one thread, asked as bench/compute is:
 *   node onnx_peer.js PACKAGE MODEL ROWS COLUMNS
 * PACKAGE is the folder of the package, ROWS a file of floats. Its native session is called without
 * the promise that the package wraps around each run, into tensors that are there already.
 *   time N           microseconds of a call with the first N rows, over a round
 *   answers N FILE   their outputs to FILE, as doubles */
const fs = require('fs');
const path = require('path');
const readline = require('readline');

const ROUND_NS = 4000000n; /* as bench/compute */
const [packageFolder, modelPath, rowsPath, nColumnsText] = process.argv.slice(2);
const { binding, initOrt } = require(path.join(packageFolder, 'dist', 'binding.js'));
const { Tensor } = require(require.resolve('onnxruntime-common', { paths: [packageFolder] }));

const nColumns = Number(nColumnsText);
const bytes = fs.readFileSync(rowsPath);
const rows = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);

initOrt();
const session = new binding.InferenceSession();
session.loadModel(modelPath, {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
});
const nOutputs = session.outputMetadata[0].shape[1];

function makeCall(nRows) {
  const x = new Tensor('float32', rows.slice(0, nRows * nColumns), [nRows, nColumns]);
  const y = new Tensor('float32', new Float32Array(nRows * nOutputs), [nRows, nOutputs]);
  return { call: () => session.run({ x }, { y }, {}), y };
}

function timeRound(call) {
  call();
  const start = process.hrtime.bigint();
  let passed = 0n;
  let nCalls = 0;
  for (let some = 1; passed < ROUND_NS; some *= 2) {
    for (let i = 0; i < some; i++) {
      call();
    }
    nCalls += some;
    passed = process.hrtime.bigint() - start;
  }
  return Number(passed) / nCalls / 1000;
}

const calls = new Map();
readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const [question, n, file] = line.split(' ');
  if (!calls.has(n)) {
    calls.set(n, makeCall(Number(n)));
  }
  const { call, y } = calls.get(n);
  if (question === 'time') {
    console.log(timeRound(call));
  } else {
    y.data.fill(NaN);
    call();
    fs.writeFileSync(file, new Uint8Array(Float64Array.from(y.data).buffer));
    console.log('written');
  }
});
