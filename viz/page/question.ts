/** Question mode: before an event is shown the page asks what it will be. */
import { element } from './dom.ts';
import { eventAt, type Model } from './model.ts';
import type { PageWords } from './words.ts';

/** Kinds that make a fair question; the rest just happens. */
const ASKED = new Set([
  'route',
  'neighbour',
  'forward',
  'flood',
  'learn',
  'encapsulate',
  'decapsulate',
  'nat',
  'ipvs',
  'encrypt',
  'decrypt',
  'deliver',
  'answer',
  'drop',
  'fragment',
]);
const CHOICES = 4;

export interface Quiz {
  /** Whether the next event is worth a question. */
  asks(index: number): boolean;
  /** Asks; calls `goOn` when the answer was given and read. */
  ask(index: number, goOn: () => void): void;
  readonly isOpen: boolean;
}

export function makeQuiz(panel: HTMLElement, model: Model, words: PageWords): Quiz {
  const score = { right: 0, total: 0 };
  let isOpen = false;
  return {
    get isOpen() {
      return isOpen;
    },
    asks: (index) => index < model.count && ASKED.has(eventAt(model, index).kind),
    ask(index, goOn) {
      isOpen = true;
      const event = eventAt(model, index);
      const list = element('div', { class: 'choices' });
      const answer = element('p', { 'aria-live': 'polite' });
      const close = (): void => {
        isOpen = false;
        panel.replaceChildren(scoreLine(score, words));
        goOn();
      };
      for (const kind of choicesFor(event.kind, index)) {
        const button = element('button', { type: 'button' }, sentence(words, kind));
        button.addEventListener('click', () => {
          for (const each of list.querySelectorAll('button')) each.disabled = true;
          const isRight = kind === event.kind;
          score.total++;
          if (isRight) score.right++;
          button.className = isRight ? 'right' : 'wrong';
          const text = isRight ? words.right : `${words.wrong} ${sentence(words, event.kind)}`;
          const next = element('button', { type: 'button', class: 'next' }, words.goOn);
          next.addEventListener('click', close);
          answer.replaceChildren(text, ' ', next);
          next.focus();
        });
        list.append(button);
      }
      panel.replaceChildren(
        element('h2', {}, words.ask),
        element('p', {}, event.place.label),
        list,
        answer,
        scoreLine(score, words),
      );
      list.querySelector('button')?.focus();
    },
  };
}

function scoreLine(score: { right: number; total: number }, words: PageWords): HTMLElement {
  return element('p', { class: 'score' }, `${score.right} / ${score.total} ${words.score}`);
}

function sentence(words: PageWords, kind: string): string {
  return `… ${words.kinds[kind] ?? kind}`;
}

/** The right one among others, in an order that hangs on the event alone. */
function choicesFor(kind: string, index: number): string[] {
  const others = [...ASKED].filter((each) => each !== kind);
  const picked: string[] = [];
  for (let i = 0; picked.length < CHOICES - 1; i++) {
    picked.push(others.splice((index * 7 + i * 5) % others.length, 1)[0]!);
  }
  picked.splice(index % CHOICES, 0, kind);
  return picked;
}
