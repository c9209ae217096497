// Says for each entity (a JSON list on standard input) whether Backstage's own catalog model takes it: "" or the problem.
import {
  EntityPolicies,
  FieldFormatEntityPolicy,
  NoForeignRootFieldsEntityPolicy,
  SchemaValidEntityPolicy,
  componentEntityV1alpha1Validator,
  locationEntityV1alpha1Validator,
  parseEntityRef,
} from "@backstage/catalog-model";

const policy = EntityPolicies.allOf([
  new SchemaValidEntityPolicy(),
  new NoForeignRootFieldsEntityPolicy(),
  new FieldFormatEntityPolicy(),
]);
const kinds = { Component: componentEntityV1alpha1Validator, Location: locationEntityV1alpha1Validator };

async function judge(entity) {
  await policy.enforce(entity);
  if (!(await kinds[entity.kind].check(entity))) throw new Error("another kind or version");
  if (entity.kind === "Component") parseEntityRef(entity.spec.owner, { defaultKind: "group", defaultNamespace: "default" });
  return "";
}

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const said = [];
for (const entity of JSON.parse(Buffer.concat(chunks).toString("utf8"))) {
  said.push(await judge(entity).catch((error) => String(error.message).split("\n")[0] || "refused"));
}
console.log(JSON.stringify(said));
