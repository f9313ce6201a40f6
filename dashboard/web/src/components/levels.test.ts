import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LEVEL_FILL, LEVEL_TEXT, LEVELS, levelOf, seriesColour, stackOrder } from './levels';

/** What lies under the text of a row: the panel, hovered, selected. */
const GROUNDS = [['#ffffff', '#eef3f8', '#e6f0fb'], ['#14181d', '#1f262e', '#1b2a3b']] as const;

const channels = (hex: string) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255);
const linear = (c: number) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
const luminance = (rgb: number[]) => 0.2126 * (rgb[0] ?? 0) + 0.7152 * (rgb[1] ?? 0) + 0.0722 * (rgb[2] ?? 0);
const light = (hex: string) => channels(hex).map(linear);

function contrast(a: string, b: string): number {
  const [high, low] = [luminance(light(a)), luminance(light(b))].sort((x, y) => y - x);
  return ((high ?? 0) + 0.05) / ((low ?? 0) + 0.05);
}

/** How colours look to people who lack one kind of cone (Machado 2009, severity 1), in linear light. */
const SEEN: Record<string, number[][]> = {
  normal: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protan: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deutan: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritan: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};

function lab(hex: string, seen: number[][]): number[] {
  const [r = 0, g = 0, b = 0] = light(hex);
  const rgb = seen.map(([x = 0, y = 0, z = 0]) => Math.min(1, Math.max(0, x * r + y * g + z * b)));
  const xyz = [
    [0.4124, 0.3576, 0.1805, 0.95047],
    [0.2126, 0.7152, 0.0722, 1],
    [0.0193, 0.1192, 0.9505, 1.08883],
  ].map(([x = 0, y = 0, z = 0, white = 1]) => (x * (rgb[0] ?? 0) + y * (rgb[1] ?? 0) + z * (rgb[2] ?? 0)) / white);
  const [fx = 0, fy = 0, fz = 0] = xyz.map((t) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116));
  return [116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)];
}

const distance = (a: string, b: string, seen: number[][]) => Math.hypot(...lab(a, seen).map((value, at) => value - (lab(b, seen)[at] ?? 0)));

describe('level colours', () => {
  it('can be read: at least 4.5 to 1 on their ground', () => {
    for (const level of LEVELS) {
      for (const side of [0, 1] as const) {
        // Fatal is a filled pill and brings its own ground.
        for (const ground of level === 'fatal' ? [LEVEL_FILL.fatal[side]] : GROUNDS[side]) {
          expect(contrast(LEVEL_TEXT[level][side], ground), `${level} on ${ground}`).toBeGreaterThanOrEqual(4.5);
        }
      }
    }
  });

  it('are told apart by everyone where it matters', () => {
    const important = ['fatal', 'error', 'warn', 'info'] as const;
    for (const [name, seen] of Object.entries(SEEN)) {
      for (const [at, a] of important.entries()) {
        for (const b of important.slice(at + 1)) {
          expect(distance(LEVEL_FILL[a][0], LEVEL_FILL[b][0], seen), `${a} ${b} ${name}`).toBeGreaterThanOrEqual(30);
        }
      }
    }
  });

  it('are the same in the styles', () => {
    const css = readFileSync('src/styles/base.css', 'utf8');
    for (const [at, name] of ['panel', 'hover', 'selected'].entries()) {
      expect(css, name).toContain(`--${name}: light-dark(${GROUNDS[0][at]}, ${GROUNDS[1][at]})`);
    }
    for (const level of LEVELS) {
      expect(css, level).toContain(`--${level}-fill: light-dark(${LEVEL_FILL[level].join(', ')})`);
      const name = level === 'notice' ? 'notice-level' : level;
      expect(css, level).toContain(`--${name}-text: light-dark(${LEVEL_TEXT[level].join(', ')})`);
    }
  });

  it('belong to the words that programs use', () => {
    expect(['ERROR', 'err', 'Warning', 'crit', 'informational'].map(levelOf)).toEqual(['error', 'error', 'warn', 'fatal', 'info']);
    expect(levelOf('purple')).toBeNull();
  });

  it('of other series stay with their names', () => {
    expect(seriesColour('web-1', false)).toBe(seriesColour('web-1', false));
    expect(stackOrder(['info', '', 'fatal', 'warn', 'zebra'])).toEqual(['fatal', 'warn', 'info', 'zebra', '']);
    expect(stackOrder(['up', 'down'])[0]).toBe('down');
  });
});
