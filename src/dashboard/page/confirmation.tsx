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
  useEffect(() => {
    ask = setQuestion;
  }, []);
  if (question === undefined) return null;
  return <QuestionDialog question={question} onClose={() => setQuestion(undefined)} />;
}

interface QuestionDialogProps {
  readonly question: Question;
  readonly onClose: () => void;
}

function QuestionDialog({ question: { title, text, verb, onConfirm }, onClose }: QuestionDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const close = () => dialog.current?.close();
  return (
    <dialog ref={dialog} class="confirmation" aria-labelledby="question" onClose={onClose}>
      <h2 id="question">{title}</h2>
      <p>{text}</p>
      <div class="row">
        {/* First in order, so that Enter alone does no harm. */}
        <button type="button" onClick={close}>
          Leave it
        </button>
        <button
          type="button"
          class="danger"
          onClick={() => {
            onConfirm();
            close();
          }}
        >
          {verb}
        </button>
      </div>
    </dialog>
  );
}
