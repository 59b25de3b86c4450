// The catalogues of the pages: every language has every text, and every text is used.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { root } from "../../scripts/lib/run.mjs";

const folder = join(root, "pages", "languages");
const languages = readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? entry.name : [],
);
const parts = readdirSync(join(folder, "en"));
const read = (language, part) => JSON.parse(readFileSync(join(folder, language, part), "utf8"));
const baseOf = (key) => key.split("#")[0];
const placeholders = (text) => new Set([...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
/** The keys that are built at run time: their first parts. */
const built = ["event.", "result.", "password.strength."];

test("there is a language besides English, and one that runs from right to left", () => {
  assert.ok(languages.includes("en") && languages.includes("de") && languages.includes("ar"), languages.join());
});

for (const language of languages) {
  describe(language, () => {
    test("has the same parts as English", () => {
      assert.deepEqual(readdirSync(join(folder, language)), parts);
    });

    for (const part of parts) {
      test(`${part} has the keys of English, with every plural form of the language`, () => {
        const english = read("en", part);
        const texts = read(language, part);
        const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
        const wanted = Object.keys(english).flatMap((key) => {
          if (!key.includes("#")) return key;
          return key.endsWith("#other") ? forms.map((form) => `${baseOf(key)}#${form}`) : [];
        });
        assert.deepEqual(Object.keys(texts).sort(), wanted.sort());
      });

      test(`${part} has no empty text, and the placeholders of English`, () => {
        const english = read("en", part);
        for (const [key, text] of Object.entries(read(language, part))) {
          assert.notEqual(text.trim(), "", key);
          const source = english[key] ?? english[`${baseOf(key)}#other`];
          // A plural form can say its number in words.
          const missing = placeholders(source).difference(placeholders(text));
          missing.delete("count");
          assert.deepEqual([...missing], [], key);
          assert.deepEqual([...placeholders(text).difference(placeholders(source))], [], key);
        }
      });
    }
  });
}

test("no language repeats the English text of a sentence", () => {
  for (const language of languages.filter((language) => language !== "en")) {
    for (const part of parts) {
      const texts = read(language, part);
      const same = Object.entries(read("en", part)).filter(([key, text]) => text.includes(" ") && texts[key] === text);
      // The order of the words is the same, or the text is made of placeholders.
      assert.deepEqual(
        same.filter(([, text]) => /[a-z]{2,} [a-z]{2,}/.test(text.replaceAll(/\{\w+\}/g, ""))),
        [],
        language,
      );
    }
  }
});

test("every text is used", () => {
  const sources = readdirSync(join(root, "pages"), { recursive: true, encoding: "utf8" })
    .filter((file) => /\.tsx?$/.test(file))
    .map((file) => readFileSync(join(root, "pages", file), "utf8"))
    .join("\n");
  // The keys in templates, such as `users.bulk.${act}`.
  const templates = [...sources.matchAll(/`([\w.]+(?:\$\{[^}`]*\}[\w.]*)+)`/g)].map(
    ([, template]) => new RegExp(`^${template.replaceAll(".", "\\.").replaceAll(/\$\{[^}]*\}/g, "[\\w-]+")}$`),
  );
  const unused = parts
    .flatMap((part) => Object.keys(read("en", part)))
    .map(baseOf)
    .filter((key) => !built.some((first) => key.startsWith(first)))
    .filter((key) => !sources.includes(`"${key}"`) && !templates.some((template) => template.test(key)));
  assert.deepEqual(unused, []);
});

test("every action of the audit log has a name", () => {
  const source = readFileSync(join(root, "src", "domain", "event.rs"), "utf8");
  const table = /^actions! \{(.*?)^\}/ms.exec(source)?.[1] ?? "";
  const actions = [...table.matchAll(/^ {4}(\w+): \w+;/gm)].map(([, name]) =>
    name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toLowerCase(),
  );
  assert.ok(actions.includes("password_changed"), "the table of actions was not found");
  const names = new Set(Object.keys(read("en", "activity.json")));
  assert.deepEqual(
    actions.filter((action) => !names.has(`event.${action}`)),
    [],
  );
});
