// steady: garbage in cycles, which the collector finds now and then: memory is a saw-tooth.
class Garbage {
    private final Garbage itself = this;
    private final byte[] room = new byte[20_000];

    public static void main(String[] arguments) throws InterruptedException {
        var parent = ProcessHandle.current().parent();
        // Until the collector has filled its rooms once.
        for (int i = 0; i < 200_000; i++) new Garbage();
        System.out.println("ready");
        while (ProcessHandle.current().parent().equals(parent)) {
            new Garbage();
            Thread.sleep(5);
        }
    }
}
