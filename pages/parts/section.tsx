// A card with a heading, a loading state, and the outcome of the last action in it.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import type { Outcome } from "./action";
import type { ApiError } from "./api";
import { Message } from "./form";

interface SectionProps {
  title: string;
  /** Whether its content is still loading. */
  loading?: boolean;
  /** Why its content could not be loaded. */
  error?: ApiError | undefined;
  outcome?: Outcome | undefined;
  children?: ComponentChildren;
}

export function Section({ title, loading, error, outcome, children }: SectionProps) {
  const id = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // If the focused button was removed with its row, keyboard users continue here instead of at the top of the page.
    if (outcome && document.activeElement === document.body) heading.current?.focus();
  }, [outcome]);
  return (
    <section class="card" aria-labelledby={id} aria-busy={loading && !error}>
      <h2 id={id} ref={heading} tabIndex={-1}>
        {title}
      </h2>
      {error && (
        <p class="message error" role="alert">
          {error.message}
        </p>
      )}
      {children}
      <Message outcome={outcome} />
    </section>
  );
}
