// A card with a heading, a loading state, and the error of the last action in it.

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { ApiError } from "../parts/api";
import type { Outcome } from "./action";
import { Message } from "./form";
import { Skeleton } from "./skeleton";

interface SectionProps {
  title: string;
  /** Whether it is the whole view, whose heading says the same. */
  isView?: boolean;
  /** What is at the end of the line of the heading, such as a button. */
  actions?: ComponentChildren;
  /** Whether its content is still loading. */
  loading?: boolean;
  /** Why its content could not be loaded. */
  error?: ApiError | undefined;
  outcome?: Outcome | undefined;
  children?: ComponentChildren;
}

export function Section({ title, isView, actions, loading, error, outcome, children }: SectionProps) {
  const id = useId();
  return (
    <section class="card" aria-labelledby={id} aria-busy={loading && !error}>
      <div class={isView && !actions ? "visually-hidden" : "heading"}>
        <h2 id={id} tabIndex={-1} class={isView && actions ? "visually-hidden" : undefined}>
          {title}
        </h2>
        {actions}
      </div>
      {error && (
        <p class="message error" role="alert">
          {error.message}
        </p>
      )}
      {loading && !error && <Skeleton />}
      {children}
      <Message outcome={outcome} />
    </section>
  );
}
