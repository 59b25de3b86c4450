// Something that a person sets off and that takes a while: one at a time, and its outcome in words.

import { useRef, useState } from "preact/hooks";
import { type FieldProblem, Refusal } from "./api";

export interface Outcome {
  kind: "success" | "refusal";
  text: string;
  problems: FieldProblem[];
}

/** Returns the words of a success, if there is something to say. */
export type Work = () => Promise<string | void>;

export function useAction() {
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<Outcome>();
  // Known at once, while a state is known with the next rendering: the second of two clicks comes before it.
  const running = useRef(false);

  /** Does the work, unless some is being done already. Tells whether it succeeded. */
  async function run(work: Work): Promise<boolean> {
    if (running.current) return false;
    running.current = true;
    setBusy(true);
    setOutcome(undefined);
    try {
      const text = await work();
      if (text) setOutcome({ kind: "success", text, problems: [] });
      return true;
    } catch (fault) {
      if (!(fault instanceof Refusal)) throw fault;
      setOutcome({ kind: "refusal", text: fault.message, problems: fault.detail });
      return false;
    } finally {
      running.current = false;
      setBusy(false);
    }
  }

  return { busy, outcome, run };
}
