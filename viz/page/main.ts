/** The page: puts the parts together and listens to the reader. */
import type { PageData } from '../../src/page/page-data.ts';
import { type ChosenPlace, showDevice } from './device-panel.ts';
import { byId, element } from './dom.ts';
import { connectExports } from './exports.ts';
import { makeLadder } from './ladder.ts';
import { eventAt, innerTitle, makeModel, type PageEvent } from './model.ts';
import { showPacket } from './packet-panel.ts';
import { makePlayer, type Player, SPEEDS } from './player.ts';
import { makeQuiz } from './question.ts';
import { drawMarks } from './scrubber.ts';
import { makeStage } from './stage.ts';
import { type PageWords, timeText, WORDS } from './words.ts';

const MOVE_MS = 420;
const THINK_MS = 240;
const SCRUB_REST_MS = 90;
/** Kinds in which the packet goes on to another place. */
const MOVES = new Set(['receive', 'transmit', 'deliver', 'drop']);
const TABS = ['packet', 'device', 'drops', 'ladder', 'questions'] as const;
type Tab = (typeof TABS)[number];

function begin(): void {
  const data = JSON.parse(byId('data').textContent ?? '') as PageData; // written by the page's maker
  const words = WORDS[data.language];
  const model = makeModel(data);
  const startNs = model.count > 0 ? eventAt(model, 0).timeNs : 0;
  let packet: number | null = null;
  let place: ChosenPlace | null = null;
  let tab: Tab = 'packet';
  let shownIndex: number | null = null;
  let isScrubbing = false;

  const slider = byId<HTMLInputElement>('position');
  const quiz = makeQuiz(byId('panel-questions'), model, words);
  const asks = byId<HTMLInputElement>('asks');

  const refresh = (): void => {
    const { index } = player;
    if (tab === 'packet') {
      showPacket(byId('panel-packet'), model, words, packetEvent(index));
    }
    if (tab === 'device') showDevice(byId('panel-device'), model, words, place, index);
    if (tab === 'ladder') ladder.show(index);
  };
  /** The latest event of the chosen packet, else the current one. */
  const packetEvent = (index: number): number | null => {
    if (packet === null) return index < 0 ? null : index;
    const own = model.eventsOfPacket.get(packet) ?? [];
    return own.findLast((each) => each <= index) ?? own[0] ?? null;
  };
  const openTab = (to: Tab): void => {
    tab = to;
    document.body.dataset.tab = to;
    for (const each of TABS) {
      byId(`tab-${each}`).setAttribute('aria-selected', String(each === to));
      byId(`tab-${each}`).setAttribute('tabindex', each === to ? '0' : '-1');
      byId(`panel-${each}`).hidden = each !== to;
    }
    refresh();
  };

  const player: Player = makePlayer({
    count: model.count,
    onMove(index, fraction) {
      stage.show(index, fraction);
      if (index === shownIndex) return;
      shownIndex = index;
      slider.value = String(index + 1);
      tell(index);
      if (!isScrubbing) refresh();
    },
    onChange() {
      const button = byId('play');
      button.textContent = player.isPlaying ? '❚❚' : '▶';
      button.setAttribute('aria-label', player.isPlaying ? words.pause : words.play);
      byId('speed').textContent = `${player.speed}×`;
    },
    holds: (index) => asks.checked && quiz.asks(index),
    durationMs: (index) => (MOVES.has(eventAt(model, index).kind) ? MOVE_MS : THINK_MS),
  });
  const tell = (index: number): void => {
    const event = index < 0 ? null : eventAt(model, index);
    const time = event === null ? '' : timeText(event.timeNs - startNs);
    byId('clock').textContent = `${words.event} ${index + 1} ${words.of} ${model.count}  ${time}`;
    slider.setAttribute('aria-valuetext', byId('clock').textContent ?? '');
    byId('caption').replaceChildren(
      ...(event === null ? [] : captionOf(event, innerTitle(model, index), words, data)),
    );
  };
  const stage = makeStage(model, words, {
    onPacket(chosen) {
      packet = packet === chosen ? null : chosen;
      stage.choosePacket(packet);
      openTab('packet');
    },
    onBox(boxId) {
      if (!Object.hasOwn(data.owners, boxId)) return;
      place = data.owners[boxId]!;
      openTab('device');
    },
  });
  const ladder = makeLadder(byId('panel-ladder'), model, (index) => player.seek(index));

  const forward = (by: number): void => {
    packet = null;
    stage.choosePacket(null);
    const next = player.index + 1;
    if (by === 1 && asks.checked && !quiz.isOpen && quiz.asks(next)) {
      openTab('questions');
      quiz.ask(next, () => player.step(1));
      return;
    }
    player.step(by);
  };
  const toDrop = (sign: 1 | -1): void => {
    const drops = sign > 0 ? model.drops : [...model.drops].reverse();
    const found = drops.find((each) => (each - player.index) * sign > 0);
    if (found !== undefined) player.seek(found);
  };
  const faster = (by: 1 | -1): void => {
    const at = SPEEDS.indexOf(player.speed as (typeof SPEEDS)[number]); // set from this list only
    player.setSpeed(SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, at + by))]!);
  };
  const turnTheme = (): void => {
    const root = document.documentElement;
    root.dataset.theme = root.dataset.theme === 'dark' ? 'light' : 'dark';
  };
  const actions: Readonly<Record<string, () => void>> = {
    play: () => player.toggle(),
    back: () => player.step(-1),
    forward: () => forward(1),
    first: () => player.seek(-1),
    last: () => player.seek(model.count - 1),
    slower: () => faster(-1),
    faster: () => faster(1),
    theme: turnTheme,
    help: () => byId<HTMLDialogElement>('keys').showModal(),
  };
  for (const [id, act] of Object.entries(actions)) byId(id).addEventListener('click', act);
  // While the slider moves, only the drawing follows; the panels when it comes to rest.
  let rest = 0;
  slider.addEventListener('input', () => {
    isScrubbing = true;
    player.seek(Number(slider.value) - 1);
    isScrubbing = false;
    clearTimeout(rest);
    rest = window.setTimeout(refresh, SCRUB_REST_MS);
  });
  for (const each of TABS) byId(`tab-${each}`).addEventListener('click', () => openTab(each));
  byId('tabs').addEventListener('keydown', (press) => {
    const by = press.key === 'ArrowRight' ? 1 : press.key === 'ArrowLeft' ? -1 : 0;
    if (by === 0) return;
    press.stopPropagation();
    const to = TABS[(TABS.indexOf(tab) + by + TABS.length) % TABS.length]!;
    openTab(to);
    byId(`tab-${to}`).focus();
  });
  document.addEventListener('keydown', (press) => {
    const target = press.target as HTMLElement | null; // a document's keys go to elements
    if (target !== null && /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) {
      if (target.id !== 'position' || press.key !== ' ') return;
    }
    if (press.ctrlKey || press.metaKey || press.altKey) return;
    const keys: Readonly<Record<string, () => void>> = {
      ' ': () => player.toggle(),
      ArrowRight: () => forward(press.shiftKey ? 10 : 1),
      ArrowLeft: () => player.step(press.shiftKey ? -10 : -1),
      Home: () => player.seek(-1),
      End: () => player.seek(model.count - 1),
      '+': () => faster(1),
      '-': () => faster(-1),
      n: () => toDrop(1),
      p: () => toDrop(-1),
      t: turnTheme,
      '?': actions.help!,
      '1': () => openTab('packet'),
      '2': () => openTab('device'),
      '3': () => openTab('drops'),
      '4': () => openTab('ladder'),
      '5': () => openTab('questions'),
    };
    const act = Object.hasOwn(keys, press.key) ? keys[press.key] : undefined;
    if (act === undefined) return;
    if (press.key === ' ' && target?.tagName === 'BUTTON') return;
    press.preventDefault();
    act();
  });
  byId('close-keys').addEventListener('click', () => byId<HTMLDialogElement>('keys').close());
  listDrops(model, words, data, (index) => player.seek(index));
  connectExports(
    model,
    () => stage.picture(),
    () => ladder.picture(),
  );
  drawMarks(model);
  player.seek(-1);
  openTab('packet');
  document.documentElement.dataset.ready = 'true';
}

/** One sentence: who does what, with the facts of the decision. */
function captionOf(event: PageEvent, title: string, words: PageWords, data: PageData): Node[] {
  const facts = Object.entries(event.detail)
    .filter(([name]) => name !== 'reason' && name !== 'bytes')
    .map(([name, value]) => `${name.replaceAll(/[A-Z]/g, (c) => ` ${c.toLowerCase()}`)} ${value}`);
  const reason = event.kind === 'drop' ? String(event.detail.reason) : '';
  const known = Object.hasOwn(data.reasons, reason) ? data.reasons[reason] : undefined;
  const parts: Node[] = [
    element('strong', {}, event.place.label),
    document.createTextNode(` ${words.kinds[event.kind] ?? event.kind} · ${title}`),
  ];
  if (facts.length > 0) parts.push(element('span', { class: 'facts' }, ` (${facts.join(', ')})`));
  if (known !== undefined) {
    parts.push(element('span', { class: 'reason' }, ` ${reason}: ${known.sentence} ${known.hint}`));
  }
  return parts;
}

function listDrops(
  model: ReturnType<typeof makeModel>,
  words: PageWords,
  data: PageData,
  onEvent: (index: number) => void,
): void {
  const panel = byId('panel-drops');
  byId('tab-drops').append(` (${model.drops.length})`);
  if (model.drops.length === 0) {
    panel.replaceChildren(element('p', {}, words.noDrops));
    return;
  }
  const list = element('ol', {});
  for (const index of model.drops.slice(0, 1000)) {
    const event = eventAt(model, index);
    const reason = String(event.detail.reason);
    const known = Object.hasOwn(data.reasons, reason) ? data.reasons[reason] : undefined;
    const button = element(
      'button',
      { type: 'button' },
      `${event.place.label}: ${reason} · ${innerTitle(model, index)}`,
    );
    button.addEventListener('click', () => onEvent(index));
    list.append(element('li', {}, button, element('p', {}, known?.sentence ?? '')));
  }
  panel.replaceChildren(list);
}

begin();
