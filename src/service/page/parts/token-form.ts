/** Asks for a token, where the service wants one. The token goes into a cookie that no script can read. */
import { html, type Tree } from "../vendor/preact.js";

export function tokenForm(login: (token: string) => Promise<string>): Tree {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const field = form.elements.namedItem("token") as HTMLInputElement;
    const say = (text: string): void => {
      const line = form.querySelector("[role=alert]");
      if (line) line.textContent = text;
    };
    login(field.value).then(
      (refusal) => say(refusal.trim()),
      () => say("The service does not answer."),
    );
  };
  return html`
    <form class="token" onSubmit=${submit}>
      <h1>Lanekeeper</h1>
      <label>
        This service asks for a token.
        <input name="token" type="password" autocomplete="off" required autofocus />
      </label>
      <button>Look</button>
      <p role="alert"></p>
    </form>
  `;
}
