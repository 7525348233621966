/** What a reader may keep: the picture, the sequence, the frames of a range. */
import { type CapturedFrame, writePcap } from '../../src/observe/pcap.ts';
import { byId, save } from './dom.ts';
import { bytesOfHex, eventAt, isDatagramAt, type Model, sizeAt } from './model.ts';

const PNG_SCALE = 2;

/** Makes the buttons work. */
export function connectExports(
  model: Model,
  picture: () => string,
  ladderPicture: () => string,
): void {
  const name = fileName(model.data.title);
  byId('save-svg').addEventListener('click', () => {
    save(`${name}.svg`, 'image/svg+xml', picture());
  });
  byId('save-png').addEventListener('click', () => {
    void savePng(`${name}.png`, picture());
  });
  byId('save-ladder').addEventListener('click', () => {
    save(`${name}-sequence.svg`, 'image/svg+xml', ladderPicture());
  });
  byId('save-pcap').addEventListener('click', () => {
    const from = Number(byId<HTMLInputElement>('range-from').value) - 1;
    const to = Number(byId<HTMLInputElement>('range-to').value) - 1;
    const bytes = writePcap(framesOf(model, from, to));
    save(`${name}.pcap`, 'application/vnd.tcpdump.pcap', new Uint8Array(bytes));
  });
}

/** The frames that devices sent and received in events from .. to. */
export function framesOf(model: Model, from: number, to: number): CapturedFrame[] {
  const { recording } = model.data;
  const frames: CapturedFrame[] = [];
  for (let index = Math.max(0, from); index <= Math.min(to, model.count - 1); index++) {
    const { kind, timeNs } = eventAt(model, index);
    if ((kind !== 'transmit' && kind !== 'receive') || isDatagramAt(model, index)) continue;
    const bytes = bytesOfHex(recording.frames[recording.events.frame[index]!]!.hex);
    frames.push({ timeNs, bytes, originalBytes: sizeAt(model, index) });
  }
  return frames;
}

function savePng(name: string, svg: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => {
      const canvas = document.createElement('canvas');
      canvas.width = image.width * PNG_SCALE;
      canvas.height = image.height * PNG_SCALE;
      const context = canvas.getContext('2d');
      if (context === null) return reject(new Error('no canvas'));
      context.drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => {
        if (blob !== null) save(name, 'image/png', blob);
        resolve();
      }, 'image/png');
    };
    image.onerror = () => reject(new Error('the picture cannot be read'));
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  });
}

/** Letters and digits only: a title comes from anybody. */
function fileName(title: string): string {
  const name = title
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  return name === '' ? 'netsim' : name.slice(0, 60);
}
