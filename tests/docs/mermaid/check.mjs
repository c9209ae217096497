// Says for each picture (a JSON list of texts on standard input) whether Mermaid itself can read it: "" or the problem.
import DOMPurify from "dompurify";
import mermaid from "mermaid";

// cleaning labels needs a browser; reading the grammar does not
DOMPurify.addHook = () => {};
DOMPurify.sanitize = (text) => text;

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const said = [];
for (const picture of JSON.parse(Buffer.concat(chunks).toString("utf8"))) {
  said.push(await mermaid.parse(picture).then(() => "", (error) => String(error.message).split("\n")[0] || "refused"));
}
console.log(JSON.stringify(said));
