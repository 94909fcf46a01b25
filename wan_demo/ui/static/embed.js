(() => {
  // In the page's head: what the address asks for is there before anything is drawn. With
  // <gradio-app src=...> the document is another site's, and the tag's own address asks.
  const tag = () => document.querySelector("gradio-app[src]");
  const asked = () => {
    const address = new URL(tag()?.getAttribute("src") ?? location.href, location.href);
    return address.searchParams;
  };
  window.wanDemo = { asked, isAway: () => tag() !== null };

  const marks = document.documentElement.classList;
  const isEmbed = asked().get("embed") === "1";
  marks.toggle("wan-embed", isEmbed);
  marks.toggle("wan-one-tab", isEmbed && asked().has("tab"));

  // A frame can't know how tall the page in it is: whoever holds it is told.
  if (window.parent === window) return;
  let told = 0;
  const tell = (page) => {
    const height = Math.ceil(page.getBoundingClientRect().height);
    if (height === told) return;
    told = height;
    window.parent.postMessage({ type: "wan-demo:height", height }, "*");
  };
  const watch = () => {
    const page = document.querySelector(".gradio-container");
    if (!page) return setTimeout(watch, 100);
    new ResizeObserver(() => tell(page)).observe(page);
    setInterval(() => tell(page), 1000); // out of sight nothing is observed
  };
  watch();
})();
