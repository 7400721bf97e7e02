import { useEffect, useRef, useState } from "preact/hooks";

export interface Question {
  readonly title: string;
  readonly text: string;
  /** What the button says that does it. */
  readonly verb: string;
  readonly onConfirm: () => void;
}

let ask: (question: Question) => void = () => {};

/** Asks before something that hurts. */
export function confirmFirst(question: Question): void {
  ask(question);
}

export function Confirmation() {
  const [question, setQuestion] = useState<Question>();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    ask = setQuestion;
  }, []);
  useEffect(() => {
    if (question !== undefined) dialog.current?.showModal();
  }, [question]);
  const close = () => dialog.current?.close();
  return (
    <dialog
      ref={dialog}
      class="confirmation"
      aria-labelledby="question"
      onClose={() => setQuestion(undefined)}
    >
      <h2 id="question">{question?.title}</h2>
      <p>{question?.text}</p>
      <div class="row">
        {/* First in order, so that Enter alone does no harm. */}
        <button type="button" onClick={close}>
          Leave it
        </button>
        <button
          type="button"
          class="danger"
          onClick={() => {
            question?.onConfirm();
            close();
          }}
        >
          {question?.verb}
        </button>
      </div>
    </dialog>
  );
}
