// Builds the pages into build/pages/: one HTML file and script per page, shared scripts, and one stylesheet.

import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { Failure, root } from "./run.mjs";

const source = join(root, "pages");
const target = join(root, "build", "pages");

/** The API description, which the Worker serves from the static files. */
export const description = "src/endpoints/openapi.json";

/** The pages and their initial titles, to which the scripts add the name of the service. The path of `index` is `/`. */
export const pages = {
  index: "Welcome",
  signin: "Sign in",
  signup: "Sign up",
  "forgot-password": "Forgot your password?",
  "reset-password": "Set a new password",
  callback: "Signing in",
  "undo-email-change": "Keep your email address",
  account: "Account",
  admin: "Administration",
  docs: "API reference",
  "not-found": "Page not found",
  design: "Design system",
};

/** What search engines say about the pages that pages/static/robots.txt allows. */
export const descriptions = {
  index: "Sign in, or create an account.",
  signin: "Sign in to your account.",
  signup: "Create an account.",
  docs: "The reference of the user identity API: sign-up, sign-in, sessions and administration.",
};

/** The paths of the pages. */
export const paths = Object.keys(pages)
  .filter((name) => name !== "not-found" && name !== "design")
  .map((name) => (name === "index" ? "/" : `/${name}`));

export async function buildPages() {
  // Not a top-level import, because the packages may have to be installed first.
  const { build } = await import("esbuild");
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });

  const names = Object.keys(pages);
  let outputs;
  try {
    const { metafile } = await build({
      // The catalogues are entry points so that their files have names.
      entryPoints: [...names.map((name) => join(source, `${name}.tsx`)), join(source, "style.css"), ...catalogues()],
      outbase: source,
      outdir: join(target, "assets"),
      bundle: true,
      minify: true,
      format: "esm",
      target: "es2022",
      splitting: true,
      chunkNames: "shared-[hash]",
      legalComments: "none",
      metafile: true,
      logLevel: "warning",
      absWorkingDir: root,
    });
    outputs = metafile.outputs;
  } catch {
    throw new Failure("The pages could not be built.", "Fix the problems above and try again.");
  }

  const layout = readFileSync(join(source, "layout.html"), "utf8");
  for (const [name, title] of Object.entries(pages)) {
    const path = (file) => `/${relative(target, join(root, file))}`.replaceAll("\\", "/");
    const found = Object.entries(outputs).find(([, { entryPoint }]) => entryPoint === `pages/${name}.tsx`);
    if (!found) throw new Error(`esbuild did not build pages/${name}.tsx`);
    const [entry, { imports, cssBundle }] = found;
    // The page's own styles come after those of all pages. The imports of the script are preloaded, so that they load in parallel with it.
    const scripts = [
      ...(cssBundle ? [`<link rel="stylesheet" href="${path(cssBundle)}">`] : []),
      ...imports
        .filter(({ kind }) => kind === "import-statement")
        .map((shared) => `<link rel="modulepreload" href="${path(shared.path)}">`),
      `<script type="module" src="${path(entry)}"></script>`,
    ];
    const head = [`<title>${title}</title>`];
    if (name in descriptions) head.push(`<meta name="description" content="${descriptions[name]}">`);
    const html = layout.replace("{{head}}", head.join("\n")).replace("{{scripts}}", scripts.join("\n"));
    writeFileSync(join(target, `${name}.html`), html);
  }
  cpSync(join(source, "static"), target, { recursive: true });
  copyFileSync(join(source, "_headers"), join(target, "_headers"));
  copyFileSync(join(root, description), join(target, "assets", "openapi.json"));
}

/** The languages of the pages: the folders of their catalogues. */
export function languages() {
  return readdirSync(join(source, "languages"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

function catalogues() {
  const folder = join(source, "languages");
  return languages().flatMap((language) =>
    readdirSync(join(folder, language)).map((file) => join(folder, language, file)),
  );
}

/**
 * Returns the bytes of script and style that a page loads, gzipped, including the scripts that it loads only when needed, in the language
 * with the longest texts.
 */
export function weight(name) {
  const found = new Set(references(`${name}.html`, /(?:src|href)="\/(assets\/[^"]+)"/g));
  const parts = [
    "common",
    ...JSON.parse(/\bstart\((\[.*?\])/.exec(readFileSync(join(source, `${name}.tsx`), "utf8"))?.[1] ?? "[]"),
  ];
  const sizes = languages().map((language) =>
    parts.reduce((sum, part) => sum + zipped(`assets/languages/${language}/${part}.js`), 0),
  );
  // A set also yields what is added during the iteration.
  for (const file of found) {
    if (file.endsWith(".js"))
      for (const other of references(file, /"\.\/(shared-\w+\.js)"/g)) found.add(`assets/${other}`);
  }
  return [...found].reduce((sum, file) => sum + zipped(file), Math.max(...sizes));
}

function zipped(file) {
  return gzipSync(readFileSync(join(target, file))).length;
}

function references(file, pattern) {
  return [...readFileSync(join(target, file), "utf8").matchAll(pattern)].map(([, path]) => path);
}
