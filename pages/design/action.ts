// Runs an action that the user started, one at a time. Success is a toast; an error stays where the action is.

import { useRef, useState } from "preact/hooks";
import { ApiError, type FieldProblem } from "../parts/api";
import { rememberFocus } from "./focus";
import { toast } from "./toast";

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
    const restoreFocus = rememberFocus();
    setBusy(true);
    setOutcome(undefined);
    try {
      const text = await work();
      if (text) toast(text);
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setOutcome({ kind: "error", text: error.message, problems: error.problems });
      return false;
    } finally {
      running.current = false;
      setBusy(false);
      restoreFocus();
    }
  }

  return { busy, outcome, run };
}
