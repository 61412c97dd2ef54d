// What a reader can take away: the scenario as YAML, a command that plays it, and the address of the page.

/** Return a command for a shell that plays what is shown of *seat*, whose page began with *start*. */
export function command(start, seat, answer) {
  if (seat.text === start.text && start.command) return `${start.command}${answer.sets ?? ""}`;
  const scenario = alone(answer.text);
  const text = scenario.endsWith("\n") ? scenario : `${scenario}\n`;
  let end = "END";
  while (text.split("\n").includes(end)) end += "_";
  return `cat > from_page.yaml <<'${end}'\n${text}${end}\nparsim run from_page.yaml`;
}

/** Return a scenario without the line by which an editor finds the schema, as that file is not beside a copy. */
export function alone(text) {
  return text.replace(/^# yaml-language-server: \$schema=.*\n/m, "");
}

/** Copy *text*; return whether the browser let the page do so. */
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
