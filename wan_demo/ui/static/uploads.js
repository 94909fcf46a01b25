() => {
  // Gradio's box for a video passes over, without a word, what the system takes for no video, as
  // Linux does a recording named .ts. Whatever was chosen is sent: the server looks inside, and
  // says what is wrong with it.
  const isVideo = (file) => file.type.startsWith("video/");

  document.addEventListener(
    "change",
    ({ target }) => {
      const isBox = target.matches?.(":is(#video, #continued) input[type=file]");
      if (!isBox || [...target.files].every(isVideo)) return;
      const chosen = new DataTransfer();
      for (const file of target.files) {
        chosen.items.add(new File([file], file.name, { type: "video/unknown" }));
      }
      target.files = chosen.files;
    },
    true,
  );
}
