// A pen that writes SVG where a canvas would draw, with those of a canvas' functions that the page uses.

/** Return *text* with the signs of XML as entities, and without letters that XML does not have. */
export function escapeXml(text) {
  const signs = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text
    .replace(/[&<>"]/g, (sign) => signs[sign])
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "");
}

/** Writes what is drawn as elements of SVG; `measure` is a canvas' context, which knows how wide words are. */
export class SvgPen {
  constructor(measure) {
    this.measure = measure;
    this.parts = [];
    this.clips = 0;
    Object.assign(this, { fillStyle: "#000000", strokeStyle: "#000000", lineWidth: 1, globalAlpha: 1, dashes: [] });
    Object.assign(this, { font: "12px sans-serif", textAlign: "left", textBaseline: "middle", path: "", open: [] });
  }

  measureText(text) {
    this.measure.font = this.font;
    return this.measure.measureText(text);
  }

  fillRect(x, y, width, height) {
    if (width <= 0 || height === 0) return;
    const box = height < 0 ? [x, y + height, width, -height] : [x, y, width, height];
    const [left, top, wide, tall] = box.map(short);
    this.parts.push(
      `<rect x="${left}" y="${top}" width="${wide}" height="${tall}" fill="${this.fillStyle}"${this.alpha()}/>`,
    );
  }

  fillText(text, x, y) {
    if (!text) return;
    const [bold, pixels] = [this.font.startsWith("bold"), parseFloat(this.font.replace("bold ", ""))];
    const anchor = { center: "middle", right: "end" }[this.textAlign] ?? "start";
    this.parts.push(
      `<text x="${short(x)}" y="${short(y)}" font-size="${pixels}" text-anchor="${anchor}" dominant-baseline="central"` +
        `${bold ? ' font-weight="bold"' : ""} fill="${this.fillStyle}">${escapeXml(text)}</text>`,
    );
  }

  beginPath() {
    this.path = "";
  }

  moveTo(x, y) {
    this.path += `M${short(x)} ${short(y)}`;
  }

  lineTo(x, y) {
    this.path += `L${short(x)} ${short(y)}`;
  }

  bezierCurveTo(...points) {
    this.path += `C${points.map(short).join(" ")}`;
  }

  rect(x, y, width, height) {
    this.path += `M${short(x)} ${short(y)}h${short(width)}v${short(height)}h${short(-width)}z`;
  }

  strokeRect(x, y, width, height) {
    this.beginPath();
    this.rect(x, y, width, height);
    this.stroke();
  }

  stroke() {
    if (!this.path) return;
    const dashes = this.dashes.length ? ` stroke-dasharray="${this.dashes.join(" ")}"` : "";
    this.parts.push(
      `<path d="${this.path}" fill="none" stroke="${this.strokeStyle}" stroke-width="${this.lineWidth}"${dashes}${this.alpha()}/>`,
    );
  }

  setLineDash(dashes) {
    this.dashes = dashes;
  }

  save() {
    this.open.push(0);
  }

  clip() {
    const name = `clip${this.clips++}`;
    this.parts.push(`<clipPath id="${name}"><path d="${this.path}"/></clipPath><g clip-path="url(#${name})">`);
    this.open[this.open.length - 1]++;
  }

  restore() {
    this.parts.push("</g>".repeat(this.open.pop()));
  }

  /** Draw what follows *down* pixels lower, until `restore`. */
  lower(down) {
    this.parts.push(`<g transform="translate(0 ${short(down)})">`);
    this.open[this.open.length - 1]++;
  }

  alpha() {
    return this.globalAlpha === 1 ? "" : ` opacity="${this.globalAlpha}"`;
  }
}

function short(value) {
  return Number(value.toFixed(2));
}
