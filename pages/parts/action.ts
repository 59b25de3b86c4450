// Runs an action that the user started, one at a time, and keeps its outcome as text.

import { useRef, useState } from "preact/hooks";
import { type FieldProblem, ApiError } from "./api";

export interface Outcome {
  kind: "success" | "error";
  text: string;
  problems: FieldProblem[];
}

/** Returns the success message, if any. */
export type Work = () => Promise<string | void>;

export function useAction() {
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<Outcome>();
  // A ref, because a state would change only with the next render, after the second click of a double click.
  const running = useRef(false);

  /** Does the work unless some is already running. Returns whether it succeeded. */
  async function run(work: Work): Promise<boolean> {
    if (running.current) return false;
    running.current = true;
    setBusy(true);
    setOutcome(undefined);
    try {
      const text = await work();
      if (text) setOutcome({ kind: "success", text, problems: [] });
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setOutcome({ kind: "error", text: error.message, problems: error.problems });
      return false;
    } finally {
      running.current = false;
      setBusy(false);
    }
  }

  return { busy, outcome, run };
}
