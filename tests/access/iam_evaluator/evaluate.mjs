// Answers IAM questions: one JSON object a line on stdin, one a line on stdout.
//
// asked:    {"identity": [document, …], "resource": document or null, "requests": [{principal, action, resource,
//           account, context}, …]}: the policies of the principal, the policy of the resource, and what is tried
// answered: {"decisions": ["Allowed" | "ImplicitlyDenied" | "ExplicitlyDenied", …]}, or {"error": text} where a
//           document or a request is not one that IAM accepts
import { createInterface } from "node:readline";
import { runSimulation } from "@cloud-copilot/iam-simulate";

// The evaluator knows the keys kms:EncryptionContext:<name> only with a placeholder as the name, and leaves them out of
// requests. In questions about KMS, keys that it knows, of the same type and used nowhere else, stand in for them.
const STAND_INS = {
  "kms:EncryptionContext:SecretARN": "kms:RequestAlias",
  "kms:EncryptionContext:PARAMETER_ARN": "kms:EncryptionAlgorithm",
};

function withStandIns(value, action) {
  if (action !== "kms:Decrypt") {
    return value;
  }
  let text = JSON.stringify(value);
  for (const [key, standIn] of Object.entries(STAND_INS)) {
    text = text.replaceAll(JSON.stringify(key), JSON.stringify(standIn));
  }
  return JSON.parse(text);
}

async function decide(question, request) {
  const identity = withStandIns(question.identity, request.action);
  const outcome = await runSimulation(
    {
      request: {
        principal: request.principal,
        action: request.action,
        resource: { resource: request.resource, accountId: request.account },
        contextVariables: withStandIns(request.context, request.action),
      },
      identityPolicies: identity.map((policy, index) => ({ name: `policy${index}`, policy })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: question.resource ?? undefined,
    },
    {},
  );
  if (outcome.resultType === "error") {
    throw new Error(`${request.action} on ${request.resource}: ${JSON.stringify(outcome.errors)}`);
  }
  const ignored = outcome.result?.ignoredContextKeys ?? [];
  if (ignored.length > 0) {
    throw new Error(`${request.action} has no context key ${ignored.join(", ")}`);
  }
  return outcome.overallResult;
}

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  let answer;
  try {
    const decisions = [];
    for (const request of question.requests) {
      decisions.push(await decide(question, request));
    }
    answer = { decisions };
  } catch (error) {
    answer = { error: error.message };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
