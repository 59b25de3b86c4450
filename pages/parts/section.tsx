// A card on a page with its heading, what is still loading, and what came of the last action in it.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import type { Outcome } from "./action";
import type { Refusal } from "./api";
import { Message } from "./form";

interface SectionProps {
  title: string;
  /** Whether what it shows is still on its way. */
  loading?: boolean;
  /** Why what it shows cannot be loaded. */
  refusal?: Refusal | undefined;
  outcome?: Outcome | undefined;
  children?: ComponentChildren;
}

export function Section({ title, loading, refusal, outcome, children }: SectionProps) {
  const id = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // The button that had the focus may have gone with its row: a keyboard goes on from here, not from the top.
    if (outcome && document.activeElement === document.body) heading.current?.focus();
  }, [outcome]);
  return (
    <section class="card" aria-labelledby={id} aria-busy={loading && !refusal}>
      <h2 id={id} ref={heading} tabIndex={-1}>
        {title}
      </h2>
      {refusal && (
        <p class="message refusal" role="alert">
          {refusal.message}
        </p>
      )}
      {children}
      <Message outcome={outcome} />
    </section>
  );
}
