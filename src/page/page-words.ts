/** Labels of the page's controls in both languages; the page's program has the rest. */
export interface ControlWords {
  readonly packet: string;
  readonly device: string;
  readonly drops: string;
  readonly ladder: string;
  readonly questions: string;
  readonly questionMode: string;
  readonly fit: string;
  readonly theme: string;
  readonly help: string;
  readonly drawing: string;
  readonly details: string;
  readonly first: string;
  readonly back: string;
  readonly play: string;
  readonly forward: string;
  readonly last: string;
  readonly position: string;
  readonly slower: string;
  readonly faster: string;
  readonly saveSvg: string;
  readonly savePng: string;
  readonly saveLadder: string;
  readonly savePcap: string;
  readonly from: string;
  readonly to: string;
  readonly missed: string;
  readonly keys: readonly (readonly [key: string, what: string])[];
}

export const CONTROL_WORDS: Readonly<Record<'en' | 'es', ControlWords>> = {
  en: {
    packet: 'Packet',
    device: 'Device',
    drops: 'Lost packets',
    ladder: 'Sequence',
    questions: 'Questions',
    questionMode: 'Ask before it is shown',
    fit: 'Show the whole drawing',
    theme: 'Light or dark',
    help: 'Keys',
    drawing: 'The network',
    details: 'Details',
    first: 'To the beginning',
    back: 'One step back',
    play: 'Play',
    forward: 'One step forward',
    last: 'To the end',
    position: 'Position in the run',
    slower: 'Slower',
    faster: 'Faster',
    saveSvg: 'Save the picture as SVG',
    savePng: 'Save the picture as PNG',
    saveLadder: 'Save the sequence as SVG',
    savePcap: 'Save the range as pcap',
    from: 'from event',
    to: 'to',
    missed: 'later events were not kept',
    keys: [
      ['Space', 'play or pause'],
      ['← →', 'one step back or forward'],
      ['Shift ← →', 'ten steps'],
      ['Home End', 'beginning, end'],
      ['+ −', 'faster, slower'],
      ['1 2 3 4 5', 'packet, device, lost packets, sequence, questions'],
      ['n p', 'next or previous lost packet'],
      ['t', 'light or dark'],
      ['?', 'this list'],
    ],
  },
  es: {
    packet: 'Paquete',
    device: 'Dispositivo',
    drops: 'Perdidos',
    ladder: 'Secuencia',
    questions: 'Preguntas',
    questionMode: 'Preguntar antes de mostrarlo',
    fit: 'Mostrar el dibujo entero',
    theme: 'Claro u oscuro',
    help: 'Teclas',
    drawing: 'La red',
    details: 'Detalles',
    first: 'Al principio',
    back: 'Un paso atrás',
    play: 'Reproducir',
    forward: 'Un paso adelante',
    last: 'Al final',
    position: 'Posición en la ejecución',
    slower: 'Más lento',
    faster: 'Más rápido',
    saveSvg: 'Guardar el dibujo como SVG',
    savePng: 'Guardar el dibujo como PNG',
    saveLadder: 'Guardar la secuencia como SVG',
    savePcap: 'Guardar el tramo como pcap',
    from: 'del evento',
    to: 'al',
    missed: 'eventos posteriores no se guardaron',
    keys: [
      ['Espacio', 'reproducir o pausar'],
      ['← →', 'un paso atrás o adelante'],
      ['Mayús ← →', 'diez pasos'],
      ['Inicio Fin', 'principio, final'],
      ['+ −', 'más rápido, más lento'],
      ['1 2 3 4 5', 'paquete, dispositivo, perdidos, secuencia, preguntas'],
      ['n p', 'siguiente o anterior paquete perdido'],
      ['t', 'claro u oscuro'],
      ['?', 'esta lista'],
    ],
  },
};
