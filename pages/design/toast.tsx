// Messages of success that appear at the bottom of the page for a while. Errors stay next to what they are about.

import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../languages";
import { IconButton } from "./button";

interface Toast {
  id: number;
  text: string;
}

/** How long a message stays, in milliseconds. It stays longer while the pointer or the focus is on it. */
const duration = 8_000;

/** The most messages that are shown at once. The oldest goes. */
const most = 3;

let last = 0;
let show: (toast: Toast) => void = () => {};

/** Shows a message. */
export function toast(text: string): void {
  last += 1;
  show({ id: last, text });
}

/** The region of the messages. Each page has one, also while it is empty, so that screen readers announce what appears in it. */
export function Toasts() {
  const [toasts, setToasts] = useState<Toast[]>([]);
  show = (toast) => setToasts((earlier) => [...earlier, toast].slice(-most));
  const remove = (id: number) => setToasts((earlier) => earlier.filter((toast) => toast.id !== id));
  return (
    <div class="toasts" role="status">
      {toasts.map((toast) => (
        <OneToast key={toast.id} text={toast.text} remove={() => remove(toast.id)} />
      ))}
    </div>
  );
}

function OneToast({ text, remove }: { text: string; remove: () => void }) {
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!element.current?.matches(":hover, :focus-within")) remove();
    }, duration);
    return () => clearInterval(timer);
  }, []);
  return (
    <div class="toast" ref={element}>
      <span>{text}</span>
      <IconButton label={t("close")} icon="✕" act={remove} />
    </div>
  );
}
