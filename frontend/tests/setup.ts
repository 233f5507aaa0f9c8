/* happy-dom has no XPath, which htmx asks for when it is loaded, to find hx-on attributes; no page of ours has any. */
if (!("XPathEvaluator" in globalThis)) {
  Object.assign(globalThis, {
    XPathEvaluator: class {
      createExpression() {
        return { evaluate: () => ({ iterateNext: () => null }) };
      }
    },
  });
}
