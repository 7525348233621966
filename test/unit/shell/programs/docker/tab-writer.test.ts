import { expect, test } from 'vitest';
import { alignColumns } from '../../../../../src/shell/programs/docker/tab-writer.ts';

test('makes columns at least ten wide, with three blanks between', () => {
  expect(alignColumns('NAMES\tIMAGE\tPORTS\nu1\tbusybox\t80/tcp\nweb-server-1\tnginx\t\n')).toBe(
    'NAMES          IMAGE     PORTS\nu1             busybox   80/tcp\nweb-server-1   nginx     \n',
  );
});

test('counts characters, not bytes', () => {
  expect(alignColumns('COMMAND\tX\n"httpd -f -p 0.0.0.0…"\ty\n')).toBe(
    'COMMAND                  X\n"httpd -f -p 0.0.0.0…"   y\n',
  );
});

test('a line without a cell ends a column', () => {
  expect(alignColumns('a-long-long-cell\tb\n\nc\td\n')).toBe(
    'a-long-long-cell   b\n\nc         d\n',
  );
});

test('leaves a text without tabs alone', () => {
  expect(alignColumns('one\ntwo\n')).toBe('one\ntwo\n');
});
