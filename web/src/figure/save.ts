// A drawn figure as a file: SVG as it is, PNG by way of a canvas.

const DPI = 300;
// The chunk of a PNG that says how many pixels a metre has: 11,811 both ways, which is 300 in an inch; with its checksum.
const PHYS: readonly number[] = [0, 0, 0, 9, 112, 72, 89, 115, 0, 0, 46, 35, 0, 0, 46, 35, 1, 120, 165, 63, 118];
// Signature and header, which come first.
const HEAD = 33;

export function markup(svg: SVGElement): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(svg)}\n`;
}

export function svgFile(svg: SVGElement): Blob {
  return new Blob([markup(svg)], { type: "image/svg+xml" });
}

export async function pngFile(svg: SVGElement, mm: number): Promise<Blob> {
  const [, , w, h] = svg.getAttribute("viewBox")!.split(" ").map(Number) as [number, number, number, number];
  const canvas = document.createElement("canvas");
  canvas.width = Math.round((mm / 25.4) * DPI);
  canvas.height = Math.round((canvas.width * h) / w);
  // Drawn at its last size, so that no browser stretches what it drew small.
  const large = svg.cloneNode(true) as SVGElement;
  large.setAttribute("width", String(canvas.width));
  large.setAttribute("height", String(canvas.height));
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(markup(large))}`;
  await image.decode();
  canvas.getContext("2d")!.drawImage(image, 0, 0, canvas.width, canvas.height);
  const plain = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
  if (!plain) throw new Error("the browser made no PNG of this figure");
  return new Blob([plain.slice(0, HEAD), Uint8Array.from(PHYS), plain.slice(HEAD)], { type: "image/png" });
}
