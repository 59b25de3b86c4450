// Dialogs over the page that code opens, and waits for.

import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { showDialog } from "./page";

interface Question {
  title: string;
  /** Why the page asks. */
  why: string;
  /** Returns what is below. `close` closes the dialog with an answer; the Escape key closes it with `false`. */
  content: (close: (answer: boolean) => void) => ComponentChildren;
}

/** Opens a dialog over the page. Returns the answer that it was closed with. */
export async function askOverPage(question: Question): Promise<boolean> {
  const answer = await new Promise<boolean>((resolve) => {
    showDialog(<PageDialog question={question} closed={resolve} />);
  });
  showDialog(null);
  return answer;
}

interface PageDialogProps {
  question: Question;
  closed: (answer: boolean) => void;
}

function PageDialog({ question: { title, why, content }, closed }: PageDialogProps) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const answer = useRef(false);
  // Before the fields take the focus, so that closing the dialog returns it to where it is now.
  useLayoutEffect(() => {
    if (!dialog.current?.open) dialog.current?.showModal();
  }, []);
  const close = (given: boolean) => {
    answer.current = given;
    dialog.current?.close();
  };
  return (
    <dialog ref={dialog} aria-labelledby={id} aria-describedby={`${id}-why`} onClose={() => closed(answer.current)}>
      <article>
        <h2 id={id}>{title}</h2>
        <p id={`${id}-why`}>{why}</p>
        {content(close)}
      </article>
    </dialog>
  );
}
