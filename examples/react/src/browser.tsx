import { hydrateRoot } from "react-dom/client";
import { App } from "./app";

declare const POSTERN_URL: string;

hydrateRoot(document, <App posternUrl={POSTERN_URL} />);
