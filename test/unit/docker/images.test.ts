import { expect, test } from 'vitest';
import { type DockerEngine, DockerError } from '../../../src/docker/engine-record.ts';
import {
  findImage,
  makeImageStore,
  parseReference,
  pullImage,
  removeImage,
} from '../../../src/docker/images.ts';
import { createWorld } from '../../../src/world/world.ts';

/** As much of an engine as images need. */
function makeEngine(): DockerEngine {
  return {
    world: createWorld(),
    images: makeImageStore(),
    containers: new Map(),
    events: [],
    eventListeners: new Set(),
  } as unknown as DockerEngine;
}

test('names are read as the registry reads them', () => {
  expect(parseReference('nginx')).toEqual({ repository: 'nginx', tag: 'latest', digest: null });
  expect(parseReference('docker.io/library/nginx:1.25').repository).toBe('nginx');
  expect(parseReference('localhost:5000/a/b:v1')).toMatchObject({
    repository: 'localhost:5000/a/b',
    tag: 'v1',
  });
  expect(() => parseReference('Nginx')).toThrow(
    'invalid reference format: repository name (library/Nginx) must be lowercase',
  );
  expect(() => parseReference('a:b:c/')).toThrow(DockerError);
  expect(() => parseReference('')).toThrow('invalid reference format');
});

test('images are found by name and by the beginning of their id', () => {
  const engine = makeEngine();
  const nginx = findImage(engine, 'nginx')!;
  expect(nginx.config.exposed).toEqual([{ protocol: 'tcp', port: 80 }]);
  expect(findImage(engine, nginx.id.slice(0, 12))).toBe(nginx);
  expect(findImage(engine, 'nginx:latest')).toBe(nginx);
  expect(findImage(engine, 'nginx:1.0')).toBeNull();
});

test('the same image has the same id in every engine', () => {
  expect(pullImage(makeEngine(), 'redis').image.id).toBe(pullImage(makeEngine(), 'redis').image.id);
});

test('an unknown image can be pulled, and says so', () => {
  const { image, isNew } = pullImage(makeEngine(), 'acme/shop:v2');
  expect(isNew).toBe(true);
  expect(image.isUnknown).toBe(true);
});

test('an image that is not there cannot be removed', () => {
  const engine = makeEngine();
  expect(() => removeImage(engine, 'nosuch', false)).toThrow('No such image: nosuch:latest');
  expect(removeImage(engine, 'whoami', false)[0]).toBe('Untagged: whoami:latest');
});
