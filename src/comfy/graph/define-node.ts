/** One node class: input names with their types, output names in slot order. */
export const define = <
  const Inputs extends Readonly<Record<string, string>>,
  const Outputs extends Readonly<Record<string, string>>,
>(
  inputs: Inputs,
  outputs: Outputs,
) => ({ inputs, outputs });
