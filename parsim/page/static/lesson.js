// The answer to the exercise of a lesson: the server checks it, and what it says is shown.

const form = document.querySelector("form.lesson-answer");
const said = form.querySelector("output");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  said.textContent = form.dataset.waiting;
  said.className = "";
  try {
    const answer = await fetch("./check", { method: "POST", body: form.querySelector("input").value });
    if (!answer.ok) throw new Error(String(answer.status));
    const marked = await answer.json();
    said.textContent = marked.words;
    said.className = marked.right ? "lesson-right" : "lesson-wrong";
  } catch {
    said.textContent = form.dataset.stopped;
  } finally {
    button.disabled = false;
  }
});
