// The name of this machine's processor. Benchmarks name it with every figure, because ratios differ between processor families.

import { readFileSync } from "node:fs";
import { cpus } from "node:os";

/** Returns the name with the family and model numbers where Linux tells them: virtual machines have names such as `AMD EPYC`. */
export function processor() {
  const name = cpus()[0]?.model.trim() ?? process.arch;
  const [family, model] = ["cpu family", "model"].map(field);
  return family && model ? `${name} (family ${family} model ${model})` : name;
}

/** Returns what `/proc/cpuinfo` of Linux says about the first processor. */
function field(name) {
  try {
    return new RegExp(`^${name}\\s*: (\\d+)$`, "m").exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1];
  } catch {
    return undefined;
  }
}
